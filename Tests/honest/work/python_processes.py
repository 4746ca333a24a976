"""What of multiprocessing needs shared memory, semaphores and sockets of its own, by every way to start a process."""

import concurrent.futures
import multiprocessing
import multiprocessing.managers
import multiprocessing.shared_memory
import os


def square(number: int) -> int:
    return number * number


def fill(queue_, lock, total, names):
    with lock:
        total.value += 1
    queue_.put(os.getpid() != names)


def share(name: str, index: int):
    block = multiprocessing.shared_memory.SharedMemory(name)
    block.buf[index] = index + 1
    block.close()


def wait(barrier, event, numbers):
    barrier.wait(60)
    event.wait(60)
    with numbers.get_lock():
        numbers[0] += 1


def talk(connection):
    connection.send(connection.recv() + 1)
    connection.close()


def main():
    for way in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(way)
        with context.Pool(2) as pool:
            print(way, "pool", pool.map(square, range(6)), pool.apply_async(square, (9,)).get(60))
        results, lock, total = context.Queue(), context.Lock(), context.Value("i", 0)
        workers = [context.Process(target=fill, args=(results, lock, total, os.getpid())) for _ in range(3)]
        for worker in workers:
            worker.start()
        print(way, "queue", [results.get(timeout=60) for _ in workers])
        for worker in workers:
            worker.join()
        print(way, "value", total.value, [worker.exitcode for worker in workers])
        block = multiprocessing.shared_memory.SharedMemory(create=True, size=64)
        sharers = [context.Process(target=share, args=(block.name, index)) for index in range(3)]
        for sharer in sharers:
            sharer.start()
        for sharer in sharers:
            sharer.join()
        print(way, "shared", list(block.buf[:4]), os.path.exists(f"/dev/shm/{block.name}"))
        block.close(), block.unlink()
        barrier, event, numbers = context.Barrier(3), context.Event(), context.Array("i", 2)
        waiting = [context.Process(target=wait, args=(barrier, event, numbers)) for _ in range(2)]
        for one in waiting:
            one.start()
        barrier.wait(60), event.set()
        for one in waiting:
            one.join()
        mine, theirs = context.Pipe()
        speaker = context.Process(target=talk, args=(theirs,))
        speaker.start(), mine.send(41)
        print(way, "array", list(numbers), "pipe", mine.recv())
        speaker.join()
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
            print(way, "executor", sum(executor.map(square, range(20), chunksize=5)))
        with context.Manager() as manager:
            shared = manager.dict(a=1)
            shared["b"] = manager.list([1, 2])[1]
            print(way, "manager", dict(shared))
    with multiprocessing.managers.SharedMemoryManager() as manager:
        print("list", list(manager.ShareableList([1, "two", 3.0, None])))
    named = multiprocessing.get_context("fork").BoundedSemaphore(2)
    print("semaphore", named.acquire(), named.acquire(), named.acquire(timeout=0.05))
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        print("threads", sum(threads.map(square, range(100))))


if __name__ == "__main__":
    main()
