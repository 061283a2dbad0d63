-- Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
-- Posts the same body again and again; the body is a file.
function init(args)
    local file = io.open(args[1])
    local body = file:read("*a")
    file:close()
    wrk.headers["Content-Type"] = "application/json"
    same = wrk.format("POST", nil, nil, body)
end

function request() return same end

dofile((debug.getinfo(1, "S").source:sub(2):match(".*/")) .. "report.lua")
