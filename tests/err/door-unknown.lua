local c = config {batch = 2}
phase("infer", function(door)
  return {y = op.float {door.img_size}}
end)
