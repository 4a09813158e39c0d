phase("infer", function(door)
  for i = 1, 5000 do param("w" .. i, {1}, init.one) end
end)
