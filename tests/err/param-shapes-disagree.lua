phase("infer", function(door)
  local a = param("w", {2}, init.one)
  local b = param("w", {3}, init.one)
end)
