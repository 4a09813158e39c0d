local x = op.relu {1}
