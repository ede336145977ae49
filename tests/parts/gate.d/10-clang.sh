#!/bin/sh
# The other compiler: every warning an error, the same tests.
CC=clang exec tools/meson-tests build-clang -- --timeout-multiplier 2
