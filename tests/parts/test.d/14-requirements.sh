#!/bin/sh
# tools/check-requirements finds what is planted; every requirement of SQL has a test that is there.
set -eu
tools/check-requirements --self-test
tools/check-requirements
