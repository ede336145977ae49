#!/bin/sh
# tools/check-format finds what is planted, and nothing in the tree.
set -eu
tools/check-format --self-test
tools/check-format
