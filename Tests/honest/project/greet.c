#include "greet.h"
#include "table.h"
#include <stdio.h>

void greet(const char *name)
{
	printf("hello, %s (%zu words)\n", name, sizeof(words) / sizeof(words[0]));
}
