"""The rule of single flights, without a driver."""

import asyncio
import os

import pytest

from pixel_transports.drivers.single_flight import SingleFlights


def test_a_key_has_one_flight_until_its_end() -> None:
    flights, notified = SingleFlights(), []
    flight, first = flights.join("key", lambda: notified.append("first"))
    assert first
    assert flights.join("key", lambda: notified.append("second")) == (flight, False)
    assert flights.join("other", lambda: None)[1]
    with flights.running("key", flight):
        assert flight.end("result") == "result"
    assert (flight.ended, flight.outcome(), notified) == (True, "result", ["second"])
    assert flights.join("key", lambda: None)[1]


def test_a_failure_is_the_outcome_for_all() -> None:
    flights = SingleFlights()
    flight, _ = flights.join("key", lambda: None)
    with pytest.raises(LookupError), flights.running("key", flight):
        raise LookupError
    with pytest.raises(LookupError):
        flight.outcome()


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, asyncio.CancelledError, GeneratorExit])
def test_an_interruption_is_no_outcome_and_wakes_the_waiters(interruption: type[BaseException]) -> None:
    flights, notified = SingleFlights(), []
    flight, _ = flights.join("key", lambda: None)
    flights.join("key", lambda: notified.append("waiter"))
    with pytest.raises(interruption), flights.running("key", flight):
        raise interruption
    assert (flight.ended, notified) == (False, ["waiter"])
    assert flights.join("key", lambda: None)[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_flights_of_its_parent() -> None:
    flights = SingleFlights()
    flight, _ = flights.join("key", lambda: None)
    child = os.fork()
    if not child:
        _, first = flights.join("key", lambda: None)
        with flights.running("key", flight):  # the flight of the parent does not end that of the child
            pass
        os._exit(0 if first and not flights.join("key", lambda: None)[1] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
