phase("infer", function(door)
  local a = param("w w", {2}, init.one)
end)
