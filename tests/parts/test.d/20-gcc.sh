#!/bin/sh
# The default build and its tests.
exec tools/meson-tests "$BUILD" -- --no-suite long
