"""The pure face in other people's loops: short programs, each complete, each run by a test.

`selectors_loop.py`, `callback_loop.py` (`tk_loop.py`) and `curio_client.py` bring sockets and have HTTP from the
core; the first and the last perform every effect, so they upload. `twisted_client.py` brings HTTP too.
`gevent_client.py` needs no driver at all. `wrapper.py` is a library of its own. curio 1.6 can be imported up to
Python 3.11.

Rules kept here:

* Each program is complete and can be read from top to bottom, so the programs share nothing.
* They take the address of a sandbox (`pixel sandbox` serves one), and speak plain HTTP. For https, a driver of your own
  has the TLS of its loop, or `pixel_transports.net.tls.TlsSession`, which needs no socket.
"""
