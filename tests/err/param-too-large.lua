phase("infer", function(door)
  local w = param("w", {2 ^ 28, 2 ^ 28}, init.one)
end)
