"""Programs as developers of applications write them: each is complete, and imports what a user imports.

`thread_pool.py`, `trio_nursery.py`, `fastapi_app.py`, `qt_window.py` and `celery_tasks.py` take their settings from the
environment (`PIXEL_...`). Tests run them against a sandbox that holds an upload until the program has cancelled it, and
compare what it stores then.
"""
