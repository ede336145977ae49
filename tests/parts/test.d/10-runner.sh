#!/bin/sh
# tools/run-tests finds what is planted.
set -eu
tools/run-tests --self-test
