phase("infer", function(door)
  local w = param("w", {2}, {})
end)
