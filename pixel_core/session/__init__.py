"""The session: authorises calls, sends them, repeats them and raises their errors."""
