phase("infer", function(door)
  local x = op.input {door = "x", dtype = "f32", dims = {1, 8, 8, 4}}
  local w = param("w", {4, 4, 3, 3}, init.zero)
  return {y = op.conv2d {x, w, strid = 2}}
end)
