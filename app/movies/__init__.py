"""Movies over z or t: what is asked for, what that comes to, and the work of making one."""
