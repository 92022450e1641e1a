"""The table of operations: calls with their arguments, the requests that they send, and the answers."""
