"""Prints what an image's archive holds: its index, and each layer's entries. Checks every digest."""

import hashlib
import io
import json
import sys
import tarfile

archive = tarfile.open(sys.argv[1])


def read(name):
    return archive.extractfile(name).read()


def blob(descriptor):
    content = read("blobs/" + descriptor["digest"].replace(":", "/"))
    assert "sha256:" + hashlib.sha256(content).hexdigest() == descriptor["digest"]
    assert len(content) == descriptor["size"]
    return content


assert json.loads(read("oci-layout"))["imageLayoutVersion"] == "1.0.0"
index = json.loads(read("index.json"))
manifest = json.loads(blob(index["manifests"][0]))
config = json.loads(blob(manifest["config"]))
layers = [tarfile.open(fileobj=io.BytesIO(blob(layer)), mode="r:*") for layer in manifest["layers"]]
for layer, expected, tar in zip(manifest["layers"], config["rootfs"]["diff_ids"], layers):
    tar.fileobj.seek(0)
    assert "sha256:" + hashlib.sha256(tar.fileobj.read()).hexdigest() == expected, layer["mediaType"]
print(json.dumps({"manifests": index["manifests"], "layers": [tar.getnames() for tar in layers]}))
