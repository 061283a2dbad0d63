-- Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
-- Asks for one path after the other; the paths are the lines of a file.
local paths, place = {}, 0

function init(args)
    for line in io.lines(args[1]) do paths[#paths + 1] = wrk.format("GET", line) end
end

function request()
    place = place % #paths + 1
    return paths[place]
end

dofile((debug.getinfo(1, "S").source:sub(2):match(".*/")) .. "report.lua")
