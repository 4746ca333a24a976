"""A kernel of Jupyter, as a notebook starts one: over five sockets on loopback."""

import jupyter_client.manager

manager, client = jupyter_client.manager.start_new_kernel(startup_timeout=300, kernel_name="python3")
try:
    for cell in ("6 * 7", "import os, subprocess\nprint(subprocess.run(['cat'], input='cell', text=True, "
                 "capture_output=True).stdout)", "1 / 0", "open('made', 'w').write('x' * 10)"):
        said = []

        def show(message, said=said):
            content = message["content"]
            if message["msg_type"] == "stream":
                said.append(content["text"].strip())
            elif message["msg_type"] == "execute_result":
                said.append(content["data"]["text/plain"])
            elif message["msg_type"] == "error":
                said.append(content["ename"])

        client.execute_interactive(cell, timeout=300, output_hook=show, allow_stdin=False)
        print(said)
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=False)
print("alive" if manager.is_alive() else "ended")
