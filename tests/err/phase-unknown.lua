phase("infre", function(door) end)
