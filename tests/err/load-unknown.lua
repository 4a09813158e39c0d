phase("infer", function(door)
  return {y = op.load {tensor = "w"}}
end)
