/* A custom runtime in C: answers each event with its length and the memory size of the function. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static char host[64];
static int port;

static int connected(void) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &to.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) exit(1);
  return fd;
}

/* Sends a request on a connection of its own; returns the length of the answer's body. */
static long ask(const char *method, const char *path, const char *body, char *head, size_t room) {
  int fd = connected();
  char request[1024];
  int size = snprintf(request, sizeof request,
                      "%s /2018-06-01/runtime/invocation/%s HTTP/1.1\r\nHost: %s:%d\r\n"
                      "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
                      method, path, host, port, strlen(body), body);
  if (write(fd, request, size) != size) exit(1);
  size_t got = 0;
  ssize_t part;
  while (got < room - 1 && (part = read(fd, head + got, room - 1 - got)) > 0) got += part;
  close(fd);
  head[got] = 0;
  char *end = strstr(head, "\r\n\r\n");
  if (end == NULL) exit(1);
  long length = (long)(got - (end + 4 - head));
  *end = 0;
  return length;
}

static void header(const char *head, const char *name, char *value, size_t room) {
  const char *found = strcasestr(head, name);
  if (found == NULL) exit(1);
  snprintf(value, room, "%.*s", (int)strcspn(found + strlen(name), "\r\n"), found + strlen(name));
}

int main(void) {
  static char head[1 << 20];
  char id[128], path[256], answer[128];
  if (sscanf(getenv("AWS_LAMBDA_RUNTIME_API"), "%63[^:]:%d", host, &port) != 2) return 1;
  for (;;) {
    long length = ask("GET", "next", "", head, sizeof head);
    header(head, "Lambda-Runtime-Aws-Request-Id: ", id, sizeof id);
    fprintf(stderr, "answering %s\n", id);
    snprintf(path, sizeof path, "%s/response", id);
    snprintf(answer, sizeof answer, "{\"length\": %ld, \"memory\": \"%s\"}", length,
             getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
    ask("POST", path, answer, head, sizeof head);
  }
}
