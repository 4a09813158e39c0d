phase("infer", function(door)
  local x = op.input {door = "x", dtype = "f32", dims = {2, 3}}
  for i = 1, 200000 do x = x + x end
  return {y = x}
end)
