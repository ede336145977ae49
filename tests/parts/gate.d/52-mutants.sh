#!/bin/sh
# Planted bugs are found by the simulator.
exec tests/mutants/run
