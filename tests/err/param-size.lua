phase("infer", function(door)
  local w = param("w", {2, 0}, init.one)
end)
