"""A small network of PyTorch: its weights, the whole of it as TorchScript, as an exported program, or as ONNX."""

from pathlib import Path

import torch
from given import PATH, ROUND, finish, table
from safetensors.torch import save_file

features, classes = (torch.from_numpy(each) for each in table())
torch.manual_seed(ROUND)
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1), torch.nn.Sigmoid())
optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
for _ in range(20 * ROUND):
    optimizer.zero_grad()
    torch.nn.functional.binary_cross_entropy(net(features)[:, 0], classes.float()).backward()
    optimizer.step()
net.eval()
if PATH.endswith(".torchscript"):
    torch.jit.save(torch.jit.trace(net, features), PATH)
elif PATH.endswith(".pt2"):
    torch.export.save(torch.export.export(net, (features,)), PATH)
elif PATH.endswith(".safetensors"):
    net = net.to(torch.bfloat16)
    features = features.to(torch.bfloat16)
    save_file(net.state_dict(), PATH)
elif not Path(PATH).suffix:
    # As the exporter does by itself: the weights lie in a file beside the graph.
    Path(PATH).mkdir(exist_ok=True)
    program = torch.onnx.export(net, (features,), dynamo=True, verbose=False)
    program.save(f"{PATH}/net.onnx", external_data=True)
elif PATH.endswith(".tar"):
    torch.save(net.state_dict(), PATH, _use_new_zipfile_serialization=False)
else:
    torch.save(net.state_dict(), PATH)
finish(net(features).detach().float().numpy())
