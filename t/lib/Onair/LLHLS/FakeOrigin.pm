package Onair::LLHLS::FakeOrigin;

# A low-latency HLS origin in one Perl process, with a made-up stream, to show
# that the checker passes what is right and notices what is wrong.  spoil is
# called with (path, response, method) before a response {status, headers,
# body} is sent, and may change it.  With drip, hinted parts come in two halves.

use strict;
use warnings;

use Compress::Zlib ();
use IO::Select;
use IO::Socket::INET;
use POSIX qw(strftime);
use Time::HiRes qw(time);

use constant { PART => 0.1, PARTS => 10, WINDOW => 8, TARGET => 1,
               SESSION => 'abcdefghijklm' };

my %RENDITIONS = (
    video => { timescale => 90000, samples => 3, other => 'audio' },
    audio => { timescale => 48000, samples => 4, other => 'video' },
);


sub start {
    my ($class, %fake) = @_;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64,
                                       ReuseAddr => 1) or die "listen: $!";
    my $fake = bless { %fake, listen => $listen, port => $listen->sockport,
                       began => time() - 20.05 }, $class;

    $fake->{pid} = fork // die "fork: $!";

    if ($fake->{pid} == 0) {
        $SIG{PIPE} = 'IGNORE';
        $SIG{TERM} = 'DEFAULT';
        eval { $fake->serve };
        POSIX::_exit(1);
    }

    close delete $fake->{listen};

    return $fake;
}


sub url {
    my ($fake) = @_;

    return "http://127.0.0.1:$fake->{port}/live/test/index.m3u8";
}


sub stop {
    my ($fake) = @_;

    my $pid = delete $fake->{pid} or return;

    kill TERM => $pid;
    waitpid $pid, 0;
}


# Parts that there are by now.
sub head {
    my ($fake) = @_;

    return int((time() - $fake->{began}) / PART);
}


sub serve {
    my ($fake) = @_;

    my $select = IO::Select->new($fake->{listen});
    my (%in, @waiting);

    while (1) {
        for my $socket ($select->can_read(0.004)) {
            if ($socket == $fake->{listen}) {
                $select->add(my $new = $socket->accept);
                $in{$new} = '';
                next;
            }

            if (!sysread $socket, $in{$socket}, 65536, length $in{$socket}) {
                $select->remove($socket);
                close $socket;
                @waiting = grep { $_->{socket} != $socket } @waiting;
                next;
            }

            push @waiting, { socket => $socket, request => $1, since => time() }
                while $in{$socket} =~ s/^(.*?)\r\n\r\n//s;
        }

        @waiting = grep { !$fake->answer($_) } @waiting;
    }
}


# False: not yet.
sub answer {
    my ($fake, $w) = @_;

    return drip($w) if defined $w->{rest};

    my ($method, $path) = $w->{request} =~ /^(\w+) (\S+)/;
    my $r = $fake->respond($path) // return $w->{waits}++ && 0;

    $r->{headers}{Date} = strftime '%a, %d %b %Y %H:%M:%S GMT', gmtime;
    $r->{headers}{'Access-Control-Allow-Origin'} = '*';
    $r->{headers}{'Access-Control-Expose-Headers'} = 'Age, Date';

    cut($r, $w->{request}) if $r->{status} == 200;
    $fake->{spoil}->($path, $r, $method) if $fake->{spoil};
    zip($r, $w->{request}) if $r->{status} == 200;
    $r->{headers}{'Content-Length'} //= length $r->{body};

    my $text = "HTTP/1.1 $r->{status} Text\r\n"
        . join('', map { "$_: $r->{headers}{$_}\r\n" }
                   sort keys %{ $r->{headers} }) . "\r\n"
        . ($method eq 'HEAD' ? '' : $r->{body});

    $w->{socket}->blocking(1);

    if ($fake->{drip} && $w->{waits} && $path =~ /part-/) {
        @$w{qw(rest due)} = (substr($text, -50, 50, ''), time() + 0.7 * PART);
    }

    syswrite $w->{socket}, $text;

    return !defined $w->{rest};
}


sub drip {
    my ($w) = @_;

    return 0 if time() < $w->{due};

    syswrite $w->{socket}, $w->{rest};

    return 1;
}


sub zip {
    my ($r, $request) = @_;

    return if $r->{headers}{'Content-Type'} !~ /mpegurl/;

    $r->{headers}{Vary} = 'Accept-Encoding';
    return if $request !~ /^Accept-Encoding:.*gzip/mi
              || $r->{headers}{'Content-Encoding'};

    $r->{headers}{'Content-Encoding'} = 'gzip';
    $r->{body} = Compress::Zlib::memGzip($r->{body});
}


# The range that was asked for.
sub cut {
    my ($r, $request) = @_;

    return if $r->{headers}{'Content-Type'} =~ /mpegurl/;
    $request =~ /^Range: bytes=(\d*)-(\d*)/mi or return;

    my $size = length $r->{body};
    my ($from, $to) = $1 eq '' ? ($size - $2, $size - 1)
                    : ($1, $2 eq '' ? $size - 1 : $2);

    if ($from >= $size) {
        @$r{qw(status body)} = (416, '');
        return;
    }

    $r->{status} = 206;
    $r->{headers}{'Content-Range'} = "bytes $from-$to/$size";
    $r->{body} = substr $r->{body}, $from, $to - $from + 1;
}


sub ok {
    my ($type, $age, $body) = @_;

    return { status => 200, body => $body,
             headers => { 'Content-Type' => $type,
                          'Cache-Control' => "max-age=$age" } };
}


sub error {
    my ($status) = @_;

    return { status => $status, body => "$status\n",
             headers => { 'Content-Type' => 'text/plain',
                          'Cache-Control' => 'max-age=' . TARGET } };
}


sub respond {
    my ($fake, $path) = @_;

    return ok('application/vnd.apple.mpegurl', 0, multivariant())
        if $path =~ m{^/live/test/index\.m3u8$};

    my $session = SESSION;
    my ($name, $file, $args) =
        $path =~ m{^/live/test/$session/(video|audio)/([^?]+)\??(.*)$}
        or return error(404);

    return $fake->respond_playlist($name, $args) if $file eq 'index.m3u8';

    my $body = $file eq 'init-0.mp4' ? init($name)
             : $file =~ /^seg-(0|[1-9]\d*)\.m4s$/ ? $fake->segment($name, $1)
             : $file =~ /^part-(\d+)\.(\d+)\.m4s$/
               ? $fake->part($name, $1, $2) : undef;

    return error(404) unless defined $body;
    return if $body eq 'wait';
    return ok("$name/mp4", '3600, immutable', $body);
}


sub part {
    my ($fake, $name, $msn, $index) = @_;

    my $n = $msn * PARTS + $index;

    return undef if $index >= PARTS || $n > $fake->head;
    return 'wait' if $n == $fake->head;
    return fragment($name, $n);
}


sub segment {
    my ($fake, $name, $msn) = @_;

    return undef if ($msn + 1) * PARTS > $fake->head;
    return join '', map { fragment($name, $msn * PARTS + $_) }
                    0 .. PARTS - 1;
}


sub respond_playlist {
    my ($fake, $name, $args) = @_;

    my %given = map { /^([^=]*)=?(.*)$/ } split /&/, $args;
    my ($msn, $part, $skip) = @given{qw(_HLS_msn _HLS_part _HLS_skip)};
    my $head = $fake->head;

    return error(400) if defined $part && !defined $msn;
    return error(400) if grep { defined && !/^\d{1,15}$/ } $msn, $part;

    if (defined $msn) {
        my $need = defined $part ? $msn * PARTS + $part + 1
                                 : ($msn + 1) * PARTS;
        return error(400) if $msn > int($head / PARTS) + 2
            || ($part // 0) > 40;
        return if $head < $need;
    }

    return ok('application/vnd.apple.mpegurl', defined $msn ? 6 * TARGET : 0,
              playlist($name, $head, ($skip // '') eq 'YES'));
}


sub multivariant {
    my $s = SESSION;

    return <<"END";
#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="$s/audio/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=100000,AVERAGE-BANDWIDTH=90000,CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=320x180,FRAME-RATE=30.000,AUDIO="audio"
$s/video/index.m3u8
END
}


sub playlist {
    my ($name, $head, $skip) = @_;

    my $edge = int($head / PARTS);           # the open segment
    my $first = $edge - WINDOW;
    my $kept = $skip ? $edge - 6 : $first;
    my $text = "#EXTM3U\n#EXT-X-VERSION:" . ($skip ? 9 : 6) . "\n"
        . "#EXT-X-TARGETDURATION:1\n"
        . '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.3,'
        . "HOLD-BACK=3.0,CAN-SKIP-UNTIL=6.0\n"
        . "#EXT-X-PART-INF:PART-TARGET=0.1\n#EXT-X-MEDIA-SEQUENCE:$first\n"
        . "#EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS\n";

    $text .= '#EXT-X-SKIP:SKIPPED-SEGMENTS=' . ($kept - $first) . "\n" if $skip;
    $text .= "#EXT-X-MAP:URI=\"init-0.mp4\"\n";
    $text .= segment_text($name, $_, $head) for $kept .. $edge;

    return $text . sprintf("#EXT-X-PRELOAD-HINT:TYPE=PART,"
               . "URI=\"part-%d.%d.m4s\"\n", $edge, $head % PARTS)
           . sprintf("#EXT-X-RENDITION-REPORT:URI=\"../%s/index.m3u8\","
               . "LAST-MSN=%d,LAST-PART=%d\n", $RENDITIONS{$name}{other},
               int(($head - 1) / PARTS), ($head - 1) % PARTS);
}


sub segment_text {
    my ($name, $msn, $head) = @_;

    my $nparts = $head - $msn * PARTS;
    $nparts = PARTS if $nparts > PARTS;

    return '' if $nparts < 1;

    my $text = sprintf "#EXT-X-PROGRAM-DATE-TIME:%s.000Z\n",
        strftime('%Y-%m-%dT%H:%M:%S', gmtime(1792564800 + $msn));

    if ($head - $msn * PARTS <= 3 * PARTS) {
        $text .= sprintf "#EXT-X-PART:DURATION=0.1,URI=\"part-%d.%d.m4s\"%s\n",
                         $msn, $_, $name eq 'audio' || $_ == 0
                                   ? ',INDEPENDENT=YES' : ''
            for 0 .. $nparts - 1;
    }

    $text .= "#EXTINF:1.0,\nseg-$msn.m4s\n" if $nparts == PARTS;

    return $text;
}


sub box {
    my ($type, @payload) = @_;

    my $payload = join '', @payload;

    return pack('Na4', 8 + length $payload, $type) . $payload;
}


sub fragment {
    my ($name, $n, %change) = @_;

    my $r = $RENDITIONS{$name};
    my $duration = $r->{timescale} * PART / $r->{samples};
    my @sizes = map { 50 + ($n + $_) % 7 } 1 .. $r->{samples};
    my $data = join '', map { chr(65 + ($n + $_) % 26) x $sizes[$_] }
                        0 .. $#sizes;
    my $dependent = $change{dependent}
                    // ($name eq 'video' && $n % PARTS ? 1 : 0);

    my $trun = pack 'NN N N', 0x305, scalar @sizes, 0,
                    $dependent ? 0x01010000 : 0x02000000;
    $trun .= pack 'NN', $duration, $_ for @sizes;

    return box('moof',
               box('mfhd', pack 'NN', 0, $change{sequence} // $n + 1),
               box('traf',
                   box('tfhd', pack 'NNN', 0x020020, 1,
                       $name eq 'video' ? 0x01010000 : 0x02000000),
                   box('tfdt', pack 'NQ>', 0x01000000, $change{time}
                       // $n * $duration * $r->{samples}),
                   box('trun', $trun)))
           . box('mdat', $data);
}


sub init {
    my ($name) = @_;

    my $entry = $name eq 'video'
        ? box('avc1', "\0" x 24, pack('nn', 320, 180), "\0" x 50,
              box('avcC', pack 'C8', 1, 0x42, 0xc0, 0x1e, 255, 224, 0, 0))
        : box('mp4a', "\0" x 16, pack('nnNN', 2, 16, 0, 48000 << 16),
              box('esds', pack('N', 0), "\x03\x19", "\0" x 3, "\x04\x11",
                  "\0" x 13, "\x05\x02\x11\x90\x06\x01\x02"));

    return box('ftyp', 'iso6', "\0" x 4)
        . box('moov',
              box('trak', box('mdia',
                  box('mdhd', pack 'NNNNNN', 0, 0, 0,
                      $RENDITIONS{$name}{timescale}, 0, 0),
                  box('hdlr', pack('NN', 0, 0), $name eq 'video'
                      ? 'vide' : 'soun', "\0" x 13),
                  box('minf', box('stbl', box('stsd', pack('NN', 0, 1),
                                              $entry))))),
              box('mvex', box('trex', pack 'NNNNNN', 0, 1, 1, 0, 0, 0)));
}


1;
