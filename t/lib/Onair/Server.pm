package Onair::Server;

# An nginx with the modules, in a directory of its own, on free ports.
#
#   my $s = Onair::Server->start(
#       workers  => 2,
#       zone     => '64m',                  argument of onair_zone
#       main     => '...',                  directives of the main context
#       events   => '',
#       rtmp     => '', rtmp_app => 'ingest_grace 3s;',
#       http     => '', server => '', location => '',   of /live/
#       listen   => 'reuseport',            parameters of HTTP's listen
#       plain    => 1,                      modules without sanitizers
#       load     => ['ngx_http_test_redis_module'],     of t/lib/modules
#       conf     => '...',                  the whole configuration instead;
#                                           %dir% %modules% %http% %rtmp%
#                                           %user% stand for what is meant
#   );
#
#   $s->http_port, rtmp_port, dir, pid, worker_pids, error_log, modules
#   $s->url('/x')           http://127.0.0.1:PORT/x
#   $s->rtmp_url('name')    rtmp://127.0.0.1:PORT/live/name
#   $s->leaving_pids        of old workers that shut down
#   $s->get('/x', %headers), head, request('METHOD', '/x', %headers)
#   $s->get_start('/x', %headers)   sends on a connection of its own
#   $s->get_finish($h, $timeout)    its answer;  $h->ready: is it there?
#   $s->connect             a connection for several requests: Onair::HTTP
#   $s->reload              SIGHUP; returns when new workers run
#   $s->kill_worker($pid)   SIGKILL, and does not mind what nginx says of it
#   $s->allow_log(qr/../)   do not mind these lines in error.log
#   $s->publisher_worker('name')    pid of the worker that has the publisher
#                                   that came last to a channel
#   $s->stop                also done when the program ends
#
#   my ($ok, $text) = Onair::Server->check(%same_options);      nginx -t
#
# The modules are those of build/asan/modules when they were built (or of
# $ONAIR_MODULES).  A test fails that leaves a report of a sanitizer or an
# [alert] or [emerg] in error.log.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp ();
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);
use Test::More ();
use Time::HiRes qw(sleep);

use Onair::HTTP;

our @EXPORT = qw(wait_for);
our @EXPORT_OK = qw(free_port);

my $top = abs_path(dirname(__FILE__) . '/../../..');
my %running;


# Calls the code until it returns true; returns that, or undef after the
# timeout in seconds (30 unless told).
sub wait_for(&;$) {
    my ($code, $timeout) = @_;

    my $deadline = Time::HiRes::time() + ($timeout // 30);

    while (1) {
        my $value = $code->();
        return $value if $value;
        return if Time::HiRes::time() > $deadline;
        sleep 0.02;
    }
}


sub start {
    my ($class, %option) = @_;

    for my $try (1 .. 3) {
        my $self = $class->_prepare(%option);

        return $self if $self->_launch;

        my $log = $self->error_log;
        next if $log =~ /bind\(\) to .* failed \(98/ && $try < 3;
        die "nginx did not start:\n$log" . $self->_sanitizer_reports . "\n";
    }
}


sub check {
    my ($class, %option) = @_;

    my $self = $class->_prepare(%option);
    my $pid = open(my $out, '-|') // die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        $self->_environment;
        exec $self->_command, '-t' or POSIX::_exit(127);
    }

    my $text = do { local $/; <$out> };
    close $out;

    return ($? == 0, $text . $self->_sanitizer_reports);
}


sub http_port { $_[0]{http_port} }
sub rtmp_port { $_[0]{rtmp_port} }
sub dir       { "$_[0]{dir}" }
sub pid       { $_[0]{pid} }
sub modules   { $_[0]{modules} }
sub url       { "http://127.0.0.1:$_[0]{http_port}$_[1]" }
sub rtmp_url  { "rtmp://127.0.0.1:$_[0]{rtmp_port}/live/$_[1]" }
sub error_log { _slurp("$_[0]{dir}/logs/error.log") }
sub connect   { Onair::HTTP->connect($_[0]{http_port}) }


sub request {
    my ($self, @request) = @_;

    return $self->connect->request(@request);
}


sub get  { my $self = shift; return $self->request('GET', @_) }
sub head { my $self = shift; return $self->request('HEAD', @_) }


sub get_start {
    my ($self, $path, %headers) = @_;

    return $self->connect->start('GET', $path, %headers);
}


sub get_finish {
    my ($self, $connection, $timeout) = @_;

    return $connection->finish($timeout);
}


# The workers of the newest configuration, not those that shut down.
sub worker_pids  { return $_[0]->_children(qr/^nginx: worker process[ \0]*$/) }
sub leaving_pids { return $_[0]->_children(qr/^nginx: worker process is shut/) }


sub _children {
    my ($self, $title) = @_;

    my $children = _slurp("/proc/$self->{pid}/task/$self->{pid}/children");
    my @pids = sort { $a <=> $b }
        grep { _slurp("/proc/$_/cmdline") =~ $title } split ' ', $children;

    return @pids;
}


sub reload {
    my ($self) = @_;

    my %old = map { $_ => 1 } $self->worker_pids;

    kill 'HUP', $self->{pid};
    wait_for {
        my @now = $self->worker_pids;
        @now == $self->{workers} && !grep { $old{$_} } @now;
    } or die "reload: no new workers\n" . $self->error_log;
}


sub allow_log {
    my ($self, $pattern) = @_;

    push @{$self->{allowed}}, $pattern;
}


sub kill_worker {
    my ($self, $pid) = @_;

    $self->allow_log(qr/worker process $pid exited on signal 9/);
    kill 'KILL', $pid;
}


sub publisher_worker {
    my ($self, $channel) = @_;

    my @pids = $self->error_log =~ /^\S+\ \S+\ \[notice\]\ (\d+)\#.*
        ingest:\ channel\ "\Q$channel\E"\ session\ \w+\ (?:started|resumed)/mgx;

    return $pids[-1];
}


sub stop {
    my ($self, $signal) = @_;

    return if !delete $running{$self->{pid} // return};

    kill $signal // 'TERM', $self->{pid};

    if (!wait_for { waitpid($self->{pid}, WNOHANG) != 0 } 30) {
        my @pids = ($self->{pid}, $self->worker_pids);
        kill 'KILL', @pids;
        waitpid $self->{pid}, 0;
        Test::More::fail('nginx stops');
    }

    $self->_judge;
    delete $self->{pid};
}


# Problems become a failed test; their absence adds none, so a plan holds.
sub _judge {
    my ($self) = @_;

    my $problems = $self->_sanitizer_reports;

    for my $line ($self->error_log =~ /^(.*\[(?:alert|emerg)\].*)$/mg) {
        next if grep { $line =~ $_ } @{$self->{allowed}};
        $problems .= "$line\n";
    }

    return if $problems eq '';

    Test::More::fail('nginx leaves no report of a sanitizer and no alert');
    Test::More::diag($problems);
}


sub _sanitizer_reports {
    my ($self) = @_;

    return join '', map { _slurp($_) } glob "$self->{dir}/logs/sanitizer*";
}


sub _prepare {
    my ($class, %option) = @_;

    my $dir = File::Temp->newdir('onair-XXXXXX', TMPDIR => 1,
                                 CLEANUP => !$ENV{ONAIR_KEEP});
    my $self = bless {
        dir => $dir, workers => $option{workers} // 2, allowed => [],
        modules => _modules($option{plain}),
        http_port => free_port(), rtmp_port => free_port(),
    }, $class;

    chmod 0755, "$dir";
    mkdir "$dir/$_" for qw(logs tmp html);
    chmod 0777, "$dir/logs", "$dir/tmp";
    system 'cp', '-r', grep({ -e } "$top/conf/html/.",
           "$top/build/npm/node_modules/hls.js/dist/hls.min.js"),
           "$dir/html/";

    open my $file, '>', "$dir/nginx.conf" or die "$dir/nginx.conf: $!";
    print $file $self->_configuration(%option);
    close $file;

    return $self;
}


sub _modules {
    my ($plain) = @_;

    return abs_path($ENV{ONAIR_MODULES}) if $ENV{ONAIR_MODULES} && !$plain;

    for my $dir ($plain ? () : "$top/build/asan/modules",
                 "$top/build/modules")
    {
        return $dir if -e "$dir/ngx_onair_core_module.so";
    }

    die "no modules; run tools/build --asan\n";
}


sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or die "no free port: $!";

    return $socket->sockport;
}


sub _configuration {
    my ($self, %option) = @_;

    my %value = (
        dir => $self->dir, modules => $self->{modules},
        http => $self->{http_port}, rtmp => $self->{rtmp_port},
        user => $> == 0 ? 'user www-data;' : '',
    );

    my $text = $option{conf} // $self->_standard(%option);
    $text =~ s/%(dir|modules|http|rtmp|user)%/$value{$1}/g;

    return $text;
}


sub _standard {
    my ($self, %option) = @_;

    my %given = (zone => '64m', listen => 'reuseport', map({ ($_ => '') }
                 qw(main events rtmp rtmp_app http server location)),
                 %option);
    my $load = join '', map { -e "$self->{modules}/$_.so"
                              ? "load_module %modules%/$_.so;\n" : '' }
        qw(ngx_rtmp_module ngx_onair_core_module ngx_rtmp_ingest_module
           ngx_rtmp_publish_auth_module ngx_rtmp_transcode_module
           ngx_http_llhls_module ngx_http_live_status_module);
    my $ingest = $load =~ /ingest/ ? 'ingest on;' : '';

    # publishers of tests do not reconnect; a reload leaves them where they
    # are, unless the test says otherwise
    $ingest .= ' ingest_drain 0;'
        if $ingest && "$given{rtmp} $given{rtmp_app}" !~ /ingest_drain/;

    my $llhls = $load =~ /llhls/ ? 'llhls;' : '';
    my $status = $load =~ /live_status/ ? 'live_status;' : '';

    $load .= "load_module %modules%/../test-modules/$_.so;\n"
        for @{ $given{load} // [] };

    return <<"END";
$load
%user%
worker_processes $self->{workers};
daemon off;
pid %dir%/nginx.pid;
error_log %dir%/logs/error.log info;
onair_zone $given{zone};
$given{main}

events {
    worker_connections 1024;
    $given{events}
}

rtmp {
    access_log off;
    max_message 8m;
    $given{rtmp}

    server {
        listen 127.0.0.1:%rtmp%;

        application live {
            live on;
            $ingest
            $given{rtmp_app}
        }
    }
}

http {
    access_log off;
    client_body_temp_path %dir%/tmp/body;
    proxy_temp_path %dir%/tmp/proxy;
    fastcgi_temp_path %dir%/tmp/fastcgi;
    uwsgi_temp_path %dir%/tmp/uwsgi;
    scgi_temp_path %dir%/tmp/scgi;
    types {
        text/html html;
        text/css css;
        text/javascript js mjs;
        application/json json;
        image/svg+xml svg;
    }
    $given{http}

    server {
        listen 127.0.0.1:%http% $given{listen};
        root %dir%/html;
        $given{server}

        location /live/ {
            $llhls
            $given{location}
        }

        location = /status.json {
            $status
        }
    }
}
END
}


sub _command {
    my ($self) = @_;

    # an nginx must not outlive a killed test
    return ('setpriv', '--pdeathsig', 'TERM', '/usr/sbin/nginx',
            '-p', $self->dir, '-e', "$self->{dir}/logs/error.log",
            '-c', "$self->{dir}/nginx.conf");
}


sub _environment {
    my ($self) = @_;

    return if $self->{modules} !~ m{/asan/};

    chomp(my $asan = `gcc -print-file-name=libasan.so`);
    my $log = "log_path=$self->{dir}/logs/sanitizer";

    $ENV{LD_PRELOAD} = abs_path($asan);
    $ENV{ASAN_OPTIONS} = "detect_leaks=0:detect_odr_violation=0:$log";
    $ENV{UBSAN_OPTIONS} = "print_stacktrace=1:$log";
}


sub _launch {
    my ($self) = @_;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>>', "$self->{dir}/logs/output";
        open STDERR, '>&', \*STDOUT;
        $self->_environment;
        exec $self->_command or POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    my $up = wait_for {
        waitpid($pid, WNOHANG) != 0 ? 'dead'
            : $self->worker_pids == $self->{workers} && $self->_answers;
    } 60;

    $running{$pid} = $self if ($up // '') ne 'dead';
    return $up if ($up // '') eq '1';

    $self->stop if $running{$pid};
    return;
}


sub _answers {
    my ($self) = @_;

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $self->{http_port}) ? 1 : 0;
}


sub _slurp {
    my ($name) = @_;

    open my $file, '<', $name or return '';
    local $/;

    return scalar(<$file>) // '';
}


sub _stop_all { $_->stop for values %running }


$SIG{$_} //= sub { exit 1 } for qw(INT TERM HUP);

END {
    my $status = $?;
    _stop_all();
    $? = $status;
}


1;
