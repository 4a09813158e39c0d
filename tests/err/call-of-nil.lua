phase("infer", function(door)
  local x = math.random()
end)
