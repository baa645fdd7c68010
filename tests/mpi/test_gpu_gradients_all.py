"""All of test_gpu_gradients.py, the long ones too.

label: full
timeout: 900
"""
import os

os.environ["FLOPSTEP_FULL"] = "1"

from test_gpu_gradients import *  # noqa: E402,F403  pylint: disable=wildcard-import,wrong-import-position
import launch  # noqa: E402  pylint: disable=wrong-import-position

if __name__ == "__main__":
    launch.main()
