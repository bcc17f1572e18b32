/* A 32-bit program on a MEI device with the clients of personas/test/parity-vtag.toml: every ioctl through the
 * kernel's compatibility path, writes, reads, poll. One line for each call: its result or -errno, and the bytes that
 * came back. The same lines on the kernel's device and on ours; the results that are known are checked here.
 * It needs no C library of its own size: nothing but the compiler's 32-bit mode.
 * usage: compat DEVICE
 * build: gcc -m32 -O1 -static -nostdlib -ffreestanding -fno-pic -no-pie -fno-stack-protector -o compat compat.c */
typedef unsigned char u8;
typedef unsigned int u32;
_Static_assert(sizeof(void *) == 4 && sizeof(long) == 4, "a 32-bit program");

/* System calls of i386. */
enum { EXIT = 1, READ = 3, WRITE = 4, OPEN = 5, CLOSE = 6, IOCTL = 54, POLL = 168 };
enum { O_RDWR = 2 };
enum { EBADF = 9, EFAULT = 14, EBUSY = 16, EINVAL = 22, ENOTTY = 25, EFBIG = 27, EOPNOTSUPP = 95 };
enum { POLLIN = 1, POLLPRI = 2 };
enum { A_MINUTE = 60000 };
enum { MTU = 512 };
#define CONNECT 0xC0104801u
#define NOTIFY_SET 0x40044802u
#define NOTIFY_GET 0x80044803u
#define CONNECT_VTAG 0xC0144804u
/* An ioctl of the device's type that it does not have. */
#define UNKNOWN 0xC0104809u
/* Mapped by nobody: the kernel's part of the address space of a 32-bit program. */
#define NOWHERE ((void *)0xFFFFF000u)

/* The clients, as their GUIDs are on the wire: they differ in the last bytes. */
#define CLIENT(high, low)                                                                                             \
    {                                                                                                                 \
        0x3A, 0x1B, 0x6E, 0x5D, 0x7C, 0x0B, 0x5E, 0x4C, 0x9F, 0x2A, 0x7A, 0x1D, 0x4E, 0x8C, high, low                  \
    }
static const u8 ECHO[16] = CLIENT(0x00, 0x01), COMMANDS[16] = CLIENT(0x00, 0x03), TAGGED[16] = CLIENT(0x00, 0x08),
                ABSENT[16] = CLIENT(0xFF, 0xFF);
/* The command "raise a notification" of the client that takes commands. */
enum { NOTIFY = 8, COMMAND_SIZE = 24 };

struct poll {
    int file;
    short events, ready;
};

static int failures;

static long call(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "0"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

static void print(const char *text)
{
    long length = 0;
    while (text[length])
        length++;
    call(WRITE, 1, (long)text, length);
}

static void print_number(long number)
{
    char text[12], *at = text + sizeof text - 1;
    unsigned long rest = number < 0 ? -(unsigned long)number : (unsigned long)number;
    *at = 0;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--at = '-';
    print(at);
}

static void print_bytes(const u8 *bytes, long count)
{
    static const char digits[] = "0123456789abcdef";
    for (long i = 0; i < count; i++) {
        char text[4] = { ' ', digits[bytes[i] >> 4], digits[bytes[i] & 15], 0 };
        print(text);
    }
}

/* Prints a call with its result, which is to be `expected`. */
static void say(const char *what, long result, long expected, const u8 *bytes, long count)
{
    print(what);
    print(": ");
    print_number(result);
    if (bytes)
        print_bytes(bytes, count);
    print("\n");
    if (result != expected) {
        failures++;
        print("  expected ");
        print_number(expected);
        print("\n");
    }
}

static void copy(u8 *to, const u8 *from, long count)
{
    for (long i = 0; i < count; i++)
        to[i] = from[i];
}

static long device;

static long open_device(void)
{
    long file = call(OPEN, device, O_RDWR, 0);
    say("open", file < 0 ? file : 0, 0, 0, 0);
    return file;
}

static void connect(const char *what, long file, const u8 *client, long expected)
{
    u8 argument[16];
    copy(argument, client, 16);
    say(what, call(IOCTL, file, (long)CONNECT, (long)argument), expected, argument, sizeof argument);
}

static void connect_tagged(const char *what, long file, const u8 *client, u8 tag, long expected)
{
    u8 argument[20] = { 0 };
    copy(argument, client, 16);
    argument[16] = tag;
    say(what, call(IOCTL, file, (long)CONNECT_VTAG, (long)argument), expected, argument, sizeof argument);
}

static void notify_set(const char *what, long file, u32 value, long expected)
{
    say(what, call(IOCTL, file, NOTIFY_SET, (long)&value), expected, (u8 *)&value, 4);
}

/* The word that it brings is to be `expected`, and nothing is to be written beyond it. */
static void notify_get(long file, u32 expected)
{
    u32 values[2] = { 0x55555555, 0xAAAAAAAA };
    say("NOTIFY_GET", call(IOCTL, file, (long)NOTIFY_GET, (long)values), 0, (u8 *)values, sizeof values);
    if (values[0] != expected || values[1] != 0xAAAAAAAA)
        failures++;
}

static void wait_until(const char *what, long file, short events)
{
    struct poll poll = { (int)file, events, 0 };
    long result = call(POLL, (long)&poll, 1, A_MINUTE);
    say(what, result, 1, (u8 *)&poll.ready, sizeof poll.ready);
}

static void write_bytes(const char *what, long file, const u8 *bytes, long count, long expected)
{
    say(what, call(WRITE, file, (long)bytes, count), expected, 0, 0);
}

static void read_bytes(const char *what, long file, long room, long expected)
{
    static u8 buffer[MTU];
    long result = call(READ, file, (long)buffer, room);
    say(what, result, expected, buffer, result < 0 ? 0 : result);
}

/* Results of a file that is not connected, and of one that is. */
static void connections(void)
{
    u8 argument[16];
    long file = open_device();
    say("CONNECT at an address that is no memory", call(IOCTL, file, (long)CONNECT, (long)NOWHERE), -EFAULT, 0, 0);
    say("CONNECT at 0", call(IOCTL, file, (long)CONNECT, 0), -EFAULT, 0, 0);
    copy(argument, ECHO, 16);
    say("an unknown ioctl", call(IOCTL, file, (long)UNKNOWN, (long)argument), -ENOTTY, argument, sizeof argument);
    connect("CONNECT to a client that is not there", file, ABSENT, -ENOTTY);
    connect("CONNECT", file, ECHO, 0);
    connect("a second CONNECT", file, ECHO, -EBUSY);
    connect_tagged("CONNECT_VTAG without tags", file, ECHO, 5, -EOPNOTSUPP);
    say("close", call(CLOSE, file, 0, 0), 0, 0, 0);
    connect("CONNECT when closed", file, ECHO, -EBADF);
}

static void messages(void)
{
    static u8 message[MTU + 1];
    long file = open_device();
    for (long i = 0; i < MTU; i++)
        message[i] = (u8)(i * 7);
    connect("CONNECT", file, ECHO, 0);
    write_bytes("write of 5", file, message, 5, 5);
    wait_until("poll", file, POLLIN);
    read_bytes("read", file, MTU, 5);
    write_bytes("write of 10", file, message, 10, 10);
    read_bytes("read of 4", file, 4, 4);
    read_bytes("the rest", file, MTU, 6);
    write_bytes("the longest write", file, message, MTU, MTU);
    read_bytes("the longest read", file, MTU, MTU);
    write_bytes("a write that is too long", file, message, MTU + 1, -EFBIG);
    say("close", call(CLOSE, file, 0, 0), 0, 0, 0);
}

static void notifications(void)
{
    u8 command[COMMAND_SIZE] = { NOTIFY };
    long engine = open_device(), file = open_device();
    copy(command + 8, ECHO, 16);
    connect("CONNECT to the one that takes commands", engine, COMMANDS, 0);
    connect("CONNECT", file, ECHO, 0);
    notify_set("NOTIFY_SET to 2", file, 2, -EINVAL);
    say("NOTIFY_SET at an address that is no memory", call(IOCTL, file, NOTIFY_SET, (long)NOWHERE), -EFAULT, 0, 0);
    notify_set("NOTIFY_SET to 1", file, 1, 0);
    write_bytes("the command", engine, command, COMMAND_SIZE, COMMAND_SIZE);
    read_bytes("its answer", engine, MTU, 1);
    wait_until("poll for the notification", file, POLLPRI);
    notify_get(file, 1);
    notify_set("NOTIFY_SET to 0", file, 0, 0);
    say("close", call(CLOSE, file, 0, 0), 0, 0, 0);
    say("close", call(CLOSE, engine, 0, 0), 0, 0, 0);
}

static void tags(void)
{
    static const u8 message[3] = { 1, 2, 3 };
    long first = open_device(), second = open_device();
    say("CONNECT_VTAG at an address that is no memory", call(IOCTL, first, (long)CONNECT_VTAG, (long)NOWHERE), -EFAULT,
        0, 0);
    connect_tagged("CONNECT_VTAG with tag 0", first, TAGGED, 0, -EINVAL);
    connect_tagged("CONNECT_VTAG to a client that is not there", first, ABSENT, 5, -ENOTTY);
    connect_tagged("CONNECT_VTAG with tag 5", first, TAGGED, 5, 0);
    connect_tagged("CONNECT_VTAG with tag 6", second, TAGGED, 6, 0);
    write_bytes("write with tag 6", second, message, 3, 3);
    read_bytes("read with tag 6", second, MTU, 3);
    write_bytes("write with tag 5", first, message, 2, 2);
    read_bytes("read with tag 5", first, MTU, 2);
    say("close", call(CLOSE, second, 0, 0), 0, 0, 0);
    say("close", call(CLOSE, first, 0, 0), 0, 0, 0);
}

/* Called with the stack as the kernel leaves it: count of words, words. */
__attribute__((used)) static void run(long *stack)
{
    if (stack[0] == 2) {
        device = stack[2];
        connections();
        messages();
        notifications();
        tags();
        print(failures ? "a 32-bit program: FAILED\n" : "a 32-bit program: all as it should be\n");
    } else {
        failures = 2;
        print("usage: compat DEVICE\n");
    }
    call(EXIT, failures != 0, 0, 0);
    __builtin_unreachable();
}

__asm__(".globl _start\n_start:\n\tmov %esp, %eax\n\tand $-16, %esp\n\tsub $12, %esp\n\tpush %eax\n\tcall run\n");
