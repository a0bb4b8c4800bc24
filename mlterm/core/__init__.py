"""The pure core: functions of their input. No I/O, no clock, no environment."""
