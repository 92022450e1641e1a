"""What happens under faults and kills: a proxy that spoils exchanges, and programs that check what is left afterwards.

Rules kept here:

* Every run has a seed, and says with which command it can be repeated.
* The truth is what the sandbox holds. It is looked at directly, never through what spoils the traffic.
* A short run of each program is a test; the long ones are commands.
"""
