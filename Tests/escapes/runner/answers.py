"""What a case may ask for: something that a process outside of all agents does, or knows, for it."""

import os
import socket

import disks
import machine
from agents import user
from machine import HOME
from outside import CLOSED


class Answers:
    """Of a trial: one method for each verb, its words as arguments; what it returns is the answer."""

    def _answer(self, verb: str, *words: str):
        return getattr(self, "ask_" + verb.replace("-", "_"))(*words)

    def ask_victim(self):
        self.victims.append(self.outside.victim(self.tag, user(self.case.flags)))
        return self.victims[-1]

    def ask_urgent_victim(self):
        self.victims.append(self.outside.victim(self.tag, user(self.case.flags), f"{HOME}/bin/escape", "victim"))
        return self.victims[-1]

    def ask_neighbour(self):
        with open(f"{self.agent.folder}/neighbour") as file:
            self.victims.append(int(file.read()))
        return self.victims[-1]

    def ask_outside(self, name: str):
        return self.watched.make(name)

    def ask_daemon(self):
        """The daemon while it is there, else a process that is as unmanaged as it was."""
        pid = machine.run("lab-daemon", "node", "pid", check=False).strip()
        return pid if self.state == "up" and pid else self.ask_victim()

    def ask_cgroup(self):
        return "/sys/fs/cgroup/escapes"

    def ask_take_out(self, pid: str):
        return machine.move(pid, "/sys/fs/cgroup/escapes")

    def ask_push_down(self, pid: str):
        return machine.move(pid, f"{machine.PLACE}/below")

    def ask_approved(self):
        return f"{HOME}/approved/{self.tag}"

    def ask_connection(self):
        far = socket.create_connection(("127.0.0.1", CLOSED))
        self.outside.kept.append(far)
        return f"{os.getpid()} {far.fileno()}"

    def ask_datagram(self, port: str):
        self.outside.udp[CLOSED].sendto(b"hello", ("127.0.0.1", int(port)))

    def ask_connect(self, path: str):
        return self.outside.connect_to(path)

    def ask_reach(self, port: str, source: str):
        return self.outside.reach(int(port), source)

    def ask_shared_port(self):
        return self.outside.shared_port(socket.SOCK_DGRAM)

    def ask_shared_stream(self):
        return self.outside.shared_port(socket.SOCK_STREAM)

    def ask_take(self, stream: str, datagrams: str):
        return self.outside.take(int(stream), int(datagrams))

    def ask_take_exactly(self, port: str):
        return self.outside.take_exactly(int(port))

    # Looking, as an unmanaged process of the agent's user: 0 or the errno. What is seen has arrived.

    def ask_look(self, path: str):
        return self.outside.look(["/bin/cat", path], path, user(self.case.flags))

    def ask_open_for_writing(self, path: str):
        return self.outside.open_for_writing(path, user(self.case.flags))

    def ask_look_semaphores(self, number: str):
        return self._look_at("semaphores", number)

    def ask_look_segment(self, number: str):
        return self._look_at("segment", number)

    def ask_look_queue(self, number: str):
        return self._look_at("queue", number)

    def _look_at(self, kind: str, number: str):
        return self.outside.look([f"{HOME}/bin/escape", "look", kind, number], f"System V {kind}", user(self.case.flags))

    def ask_list(self, path: str):
        self.outside.feed(b"", "\n".join(os.listdir(path)).encode(), f"names in {path}")

    def ask_look_at_file(self, path: str):
        with open(path, "rb") as file:
            self.outside.feed(b"", file.read(), path)

    def ask_list_keys(self):
        """Of semaphores: two bytes each, and which they are."""
        with open("/proc/sysvipc/sem") as file:
            keys = [int(line.split()[0]) for line in file.readlines()[1:]]
        parts = sorted((key >> 16 & 0xfff, key & 0xffff) for key in keys if key >> 30 == 1)
        self.outside.feed(b"", b"".join(part.to_bytes(2, "big") for _, part in parts) + b";", "System V keys")

    def ask_hold(self, name: str):
        self.held = open(f"{self.path}/{name}", "rb", buffering=0)

    def ask_read_held(self):
        self.outside.feed(b"", self.held.read(65536), "a file that was open before")

    def ask_take_everywhere(self, port: str):
        return self.outside.receive(int(port), reuse=True, address="0.0.0.0")

    def ask_look_terminal(self, path: str):
        return self.outside.look_at_terminal(path)

    def ask_terminal(self):
        return self.outside.terminal()

    def ask_shared_object(self):
        path = f"/dev/shm/outside.{self.tag}"
        self.watched.folder = "/dev/shm"
        return self.watched.make(os.path.basename(path), private=False)

    def ask_system_v(self):
        return self.outside.system_v(user(self.case.flags))

    def ask_free_inode(self):
        top = disks.folder(self.case.disk)
        inode = os.stat(f"{top}/x/approved/{self.tag}").st_ino
        os.unlink(f"{top}/x/approved/{self.tag}")
        os.sync()
        return f"{inode} {top}/x/work/{self.tag}"

    def ask_forget(self):
        machine.forget()

    def ask_new_secret(self, where: str):
        path = f"{where}/{self.tag}/late"
        machine.put(path, f"SECRET-{self.tag};\n")
        return path

    def ask_plant_below(self, where: str, name: str):
        """In a folder that the agent may have moved meanwhile."""
        top = self.free if os.path.exists(f"{self.free}/{where}") else self.path
        machine.put(f"{top}/{where}/{name}", f"SECRET-{self.tag};\n")

    def ask_plant_on_disk(self, name: str):
        machine.put(f"{disks.folder(self.case.disk)}/x/work/{self.tag}/{name}", f"SECRET-{self.tag};\n")

    def ask_empty_vault(self):
        os.unlink(f"{self.free}/anchor/vault/key")

    def ask_plant_in_vault(self):
        machine.put(f"{self.free}/anchor/vault/key", f"SECRET-{self.tag};\n")

    def ask_replace(self):
        path = f"{HOME}/literal/{self.state}"
        machine.put(f"{path}.new", f"SECRET-{self.tag};\n")
        os.rename(f"{path}.new", path)
        return path

    def ask_replace_on_disk(self):
        path = f"{disks.folder(self.case.disk)}/secret/{self.tag}/key"
        machine.put(f"{path}.new", f"SECRET-{self.tag};\n")
        os.rename(f"{path}.new", path)
        return path

    def ask_move_into_secret(self):
        top = disks.folder(self.case.disk)
        machine.put(f"{top}/x/work/{self.tag}/plain/key", f"SECRET-{self.tag};\n")
        os.rename(f"{top}/x/work/{self.tag}/plain", f"{top}/secret/{self.tag}/plain")
        return f"{top}/secret/{self.tag}/plain/key"

    def ask_mount_here(self):
        os.makedirs(f"{self.path}/mount")
        machine.run("mount", "-t", "tmpfs", "tmpfs", f"{self.path}/mount")
        machine.put(f"{self.path}/mount/deep/key", "nothing yet\n")
        return 0

    def ask_move_mount_into_secret(self):
        machine.put(f"{self.path}/mount/deep/key", f"SECRET-{self.tag};\n")
        there = f"{HOME}/secret/{self.tag}/mount"
        os.makedirs(there)
        machine.run("mount", "--move", f"{self.path}/mount", there)
        return f"{there}/deep/key"

    def ask_change_on_disk(self):
        with open(f"{disks.folder(self.case.disk)}/secret/{self.tag}/key", "a") as file:
            file.write("more\n")

    def ask_program_of_known_content(self):
        return disks.content(self.case.disk, self.state)

    def ask_change_content(self, path: str):
        with open(path, "ab") as file:
            file.write(b"more")

    def ask_swap_inode(self, path: str):
        return disks.swap_inode(path)

    def ask_plant(self, name: str):
        machine.put(f"{self.path}/{name}", f"SECRET-{self.tag};\n")

    def ask_plant_clean(self, name: str):
        machine.put(f"{self.path}/{name}", "nothing\n", 0o666)

    def ask_read(self, name: str):
        self.outside.read_fifo(f"{self.path}/{name}")

    def ask_drain(self):
        self.outside.gate(self.case.name).set()

    def ask_disk(self):
        return machine.disk()

    def ask_pin(self):
        return machine.pin()

    def ask_module(self):
        return machine.unused_module()

    def ask_control(self):
        path = "/run/telos/telos.sock"
        if not os.path.exists(path):
            machine.put(path, "")
        return path
