phase("infer", function(door)
  local x = op.input {door = "x", dtype = "f32", dims = {2, 3}}
  return {y = x:reshape(6)}
end)
