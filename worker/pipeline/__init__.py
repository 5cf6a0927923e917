"""The data's way: plan → claim → archive → apply → verify → report. `night.py` tells the story."""
