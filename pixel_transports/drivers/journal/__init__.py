"""The journal of uploads: how far each file is, in SQLite, so that an interrupted upload can be continued.

Rules kept here:

* What was written is there after the process was killed at any instant (WAL: a transaction is whole or absent).
* A run claims its files: no other run uploads them to the same destination meanwhile. Claims are void once the process
  of their run has ended, however it ended.
* The file is readable by its user only (mode 0600), since it holds presigned URLs until a file is sent. Deleted data is
  overwritten, and the WAL is emptied at the end of a run.
* A default journal that cannot be written is a warning in the log. A journal that the user named raises before anything
  is sent. One that fails later is a warning, and the upload continues without it.

Modules: `paths` (where it is), `store` (the file and its rows), `liveness` (which runs are alive), `run` (writing) and
`listing` (reading and dropping). Only `paths` is loaded without an upload.
"""
