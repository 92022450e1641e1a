"""HTTP/1.1 without I/O: one connection, the pool of connections, one exchange, proxies and addresses."""
