#!/bin/sh
# tools/check-layers finds what is planted, and nothing in the tree.
set -eu
tools/check-layers --self-test
tools/check-layers
