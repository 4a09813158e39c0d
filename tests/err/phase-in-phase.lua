phase("infer", function(door)
  phase("eval", function(door) end)
end)
