"""The pure face in other people's loops: short programs, each complete, so that they share nothing; tests run them.

`selectors_loop.py`, `callback_loop.py` (`tk_loop.py`) and `curio_client.py` bring sockets and have HTTP from the core;
the first performs every effect, so it uploads. `twisted_client.py` brings HTTP too. `gevent_client.py` needs no driver.
`wrapper.py` is a library of its own. curio 1.6 can be imported up to Python 3.11.

They take the address of a sandbox (`pixel sandbox` serves one), and speak plain HTTP. For https, a driver of your own
has the TLS of its loop, or `pixel_transports.net.tls.TlsSession`, which needs no socket.
"""
