#!/bin/sh
# The long tests, on the default build.
exec tools/meson-tests "$BUILD" -- --suite long --timeout-multiplier 5
