-- Sends signed events, each once: arguments are a file with one "signature TAB body" a line, and how
-- many lines of it were used by earlier runs.
local lines, at = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do lines[#lines + 1] = line end
  at = tonumber(arguments[2]) or 0
end

function request()
  at = at + 1
  local line = lines[at] or lines[#lines]
  local tab = line:find("\t", 1, true)
  return wrk.format("POST", "/webhook/stripe",
    { ["Stripe-Signature"] = line:sub(1, tab - 1), ["Content-Type"] = "application/json" }, line:sub(tab + 1))
end
