phase({1}, function(door) end)
