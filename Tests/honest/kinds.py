"""All works, in the order in which they are done."""

import container_jobs
import git_jobs
import harness_jobs
import local_jobs
import name_jobs
import node_jobs
import python_jobs
import terminal_jobs
import unit_jobs
import work_jobs

KINDS = [
    local_jobs, harness_jobs, git_jobs, python_jobs, unit_jobs, container_jobs, terminal_jobs, node_jobs,
    work_jobs, name_jobs]
