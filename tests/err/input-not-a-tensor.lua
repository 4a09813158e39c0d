phase("infer", function(door)
  local x = op.input {door = "x", dtype = "f32", dims = {2, 3}}
  return {y = op.add {x, "1"}}
end)
