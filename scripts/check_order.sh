#!/usr/bin/env bash
# The dependency rule of src/ORDER without a build: a folder includes itself and folders above it;
# the sandbox includes the platform, and others of the sandbox its public header.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../src"

find . ../sandbox -name '*.cpp' -o -name '*.hpp' | sort | xargs grep -Hno '^#include "[^"]*/.*"' | awk '
  FILENAME == "ORDER" { if ($0 !~ /^#/ && NF) rank[$0] = ++count; next }
  # The longest listed folder that a path lies in.
  function folder(path) {
    while (path != "" && !(path in rank)) if (!sub(/\/[^\/]*$/, "", path)) path = ""
    return path
  }
  {
    match($0, /:[0-9]+:/)
    file = substr($0, 3, RSTART - 3)
    line = substr($0, RSTART + 1, RLENGTH - 2)
    included = $0
    sub(/.*#include "/, "", included)
    sub(/"$/, "", included)
    from = folder(file); to = folder(included)
    if (file ~ /^\/sandbox\//) {
      if (included !~ /^(platform|sandbox)\//) bad["sandbox" substr(file, 9) ":" line ": the sandbox must not include " included]
      next
    }
    if (included ~ /^sandbox\// && included != "sandbox/sandbox.hpp")
      bad["src/" file ":" line ": nobody but the sandbox includes " included]
    if (file !~ /\//) next  # main.cpp stands above all
    if (from == "") bad["src/" file ": its folder is not listed in src/ORDER"]
    else if (to != "" && rank[to] > rank[from])
      bad["src/" file ":" line ": " from " must not include " to]
  }
  END { for (text in bad) { print text; failed = 1 } exit failed }
' ORDER -
