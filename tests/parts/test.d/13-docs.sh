#!/bin/sh
# tools/check-docs finds what is planted, and nothing in the tree.
set -eu
tools/check-docs --self-test
tools/check-docs
