"""Makes of a pod of node/daemonset.yaml what a container runtime is given: an OCI bundle for each of its containers. So
that what the tests run is the manifest itself; only as much of Kubernetes as it uses.
"""

import json
import os
import pathlib
import subprocess
import tarfile

import yaml

HOME = pathlib.Path(__file__).resolve().parents[2]
MANIFEST = HOME / "node" / "daemonset.yaml"
CAPABILITIES = [f"CAP_{name}" for name in """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
    SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
    MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()]


def manifest() -> dict[str, dict]:
    """Its objects, by kind."""
    return {each["kind"]: each for each in yaml.safe_load_all(MANIFEST.read_text())}


def unpack(archive: pathlib.Path, rootfs: pathlib.Path) -> dict:
    """Unpacks an OCI archive's layers. Returns the image's configuration."""
    subprocess.run(["rm", "-rf", rootfs], check=True)
    rootfs.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        def blob(digest: str):
            return tar.extractfile("blobs/" + digest.replace(":", "/"))
        index = json.load(tar.extractfile("index.json"))
        image = json.load(blob(index["manifests"][0]["digest"]))
        for layer in image["layers"]:
            with tarfile.open(fileobj=blob(layer["digest"]), mode="r:*") as content:
                content.extractall(rootfs)
        return json.load(blob(image["config"]["digest"]))["config"]


def mounts(pod: dict, container: dict, folder: pathlib.Path, secrets: dict[str, pathlib.Path]) -> list[dict]:
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    result = []
    for mount in container["volumeMounts"]:
        volume = volumes[mount["name"]]
        if host := volume.get("hostPath"):
            source = pathlib.Path(host["path"])
            if host["type"] == "DirectoryOrCreate":
                source.mkdir(mode=0o755, parents=True, exist_ok=True)
            elif not (source.is_dir() if host["type"] == "Directory" else source.is_file()):
                raise ValueError(f"{source} is no {host['type']}")
        elif config := volume.get("configMap"):
            source = folder / config["name"]
            source.mkdir(exist_ok=True)
            for name, text in manifest()["ConfigMap"]["data"].items():
                (source / name).write_text(text)
        else:
            source = secrets[volume["secret"]["secretName"]]
        shared = mount.get("mountPropagation") == "Bidirectional"
        result.append({
            "destination": mount["mountPath"], "type": "bind", "source": str(source),
            "options": ["rbind", "rshared" if shared else "rprivate", "ro" if mount.get("readOnly") else "rw"]})
    return result


def system(privileged: bool) -> list[dict]:
    """What a runtime mounts into every container."""
    readonly = [] if privileged else ["ro"]
    plain = ["nosuid", "noexec", "nodev"]
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": plain + readonly},
        # Its own part of the tree, as on most clusters: the node has to find the root elsewhere.
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": plain + ["ro"]},
    ]


def bundle(name: str, folder: pathlib.Path, rootfs: pathlib.Path, image: dict, node: str,
           secrets: dict[str, pathlib.Path]) -> pathlib.Path:
    """Writes the bundle of a container of the pod. `node` is the machine's name in the cluster."""
    pod = manifest()["DaemonSet"]["spec"]["template"]["spec"]
    container = next(each for each in pod["initContainers"] + pod["containers"] if each["name"] == name)
    security = container["securityContext"]
    privileged = security.get("privileged", False)
    capabilities = CAPABILITIES if privileged else []
    environment = list(image.get("Env", []))
    for variable in container.get("env", []):
        field = variable["valueFrom"]["fieldRef"]["fieldPath"]
        environment.append(f"{variable['name']}={ {'spec.nodeName': node}[field]}")
    folder.mkdir(parents=True, exist_ok=True)
    namespaces = ["mount", "ipc", "uts", "cgroup"]
    namespaces += [kind for kind, host in (("pid", "hostPID"), ("network", "hostNetwork")) if not pod.get(host)]
    specification = {
        "ociVersion": "1.0.2",
        "root": {"path": str(rootfs), "readonly": security["readOnlyRootFilesystem"]},
        "process": {
            "args": container.get("command", image["Entrypoint"] + image["Cmd"]), "cwd": "/", "env": environment,
            "user": {"uid": 0, "gid": 0}, "noNewPrivileges": not privileged,
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), capabilities)},
        "mounts": system(privileged) + mounts(pod, container, folder, secrets),
        "linux": {"namespaces": [{"type": kind} for kind in namespaces], "cgroupsPath": f"/telos-test/{name}",
                  "rootfsPropagation": "rslave"},
    }
    (folder / "config.json").write_text(json.dumps(specification, indent=1))
    os.chmod(folder, 0o700)
    return folder
