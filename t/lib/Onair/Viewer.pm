package Onair::Viewer;

# What viewers of a channel see, and what a decoder makes of it.
#
#   my $v = Onair::Viewer->new($server, 'name');
#   my $v = Onair::Viewer->of($server, 'name', $messages, %options);
#                                       publishes an Onair::FLV's messages
#                                       first, up to the end; the options are
#                                       Onair::RTMP's, and offset
#   $v->wait_live('video', 'audio')     until these renditions have media
#   $v->session                         id in the multivariant playlist
#   my $p = $v->playlist('video');      undef unless it is there
#     $p->{text}, {msn}, {target}, {endlist}, {seconds}, {discontinuities}
#     $p->{segments}: [ { uri, msn, seconds, discontinuity, map, whole } ]
#   $v->wait_seconds('video', 9.5)      until it shows that much media
#   $v->decode('video')                 [ { frames, errors, seconds } ], one
#                                       for each init segment in a row
#   $v->samples('audio')                decoded samples of one channel
#
# The last segment may not be whole; then its parts stand for it.

use strict;
use warnings;

use File::Temp ();

use Onair::RTMP;
use Onair::Server;


sub new
{
    my ($class, $server, $channel) = @_;

    return bless { server => $server, channel => $channel }, $class;
}


# Twice for one name: the second time resumes.
sub of
{
    my ($class, $server, $channel, $messages, %options) = @_;
    my $offset = delete $options{offset};
    my $gone = qr/channel "\Q$channel\E" session .*publisher gone/;
    my $before = () = $server->error_log =~ /$gone/g;

    my $p = Onair::RTMP->publish($server->rtmp_port, $channel, %options);
    die "not accepted: $p->{status}{description}" unless $p->accepted;
    $p->send_flv($messages, offset => $offset);
    die 'the server closed: ' . $server->error_log if $p->{gone};
    $p->close;
    wait_for { $before < (() = $server->error_log =~ /$gone/g) }
        or die 'the server does not notice the end';

    return $class->new($server, $channel);
}


sub multivariant
{
    my $self = shift;
    my $answer = $self->{server}->get("/live/$self->{channel}/index.m3u8");

    return $answer->{status} == 200 ? $answer->{body} : undef;
}


sub session
{
    my $self = shift;
    my $text = $self->multivariant // return undef;

    return $text =~ m{^(?:.*?URI="|)([a-z2-7]{13})/\w+/index\.m3u8}m
           ? $1 : undef;
}


sub renditions
{
    my $self = shift;
    my $text = $self->multivariant // '';
    my %seen = map { $_ => 1 } $text =~ m{[a-z2-7]{13}/(\w+)/index\.m3u8}g;

    return sort keys %seen;
}


sub wait_live
{
    my ($self, @renditions) = @_;

    return wait_for {
        my %there = map { $_ => 1 } $self->renditions;
        !grep { !$there{$_} || !$self->playlist($_) } @renditions;
    };
}


sub playlist
{
    my ($self, $rendition, $session) = @_;

    $session //= $self->session // return undef;

    my $base = "/live/$self->{channel}/$session/$rendition";
    my $answer = $self->{server}->get("$base/index.m3u8");

    return undef if $answer->{status} != 200;
    return parse($answer->{body}, $base);
}


sub parse
{
    my ($text, $base) = @_;
    my %list = (text => $text, segments => [], discontinuities => 0,
                seconds => 0, endlist => 0);
    my $next = { parts => [] };
    my $map;

    for (split /\n/, $text) {
        if (/^#EXT-X-MEDIA-SEQUENCE:(\d+)/)         { $list{msn} = $1 }
        elsif (/^#EXT-X-TARGETDURATION:(\d+)/)      { $list{target} = $1 }
        elsif (/^#EXT-X-MAP:URI="([^"]+)"/)         { $map = "$base/$1" }
        elsif (/^#EXT-X-ENDLIST/)                   { $list{endlist} = 1 }
        elsif (/^#EXT-X-DISCONTINUITY\s*$/)         { $next->{cut} = 1 }
        elsif (/^#EXT-X-PART:(.*)/) {
            push @{ $next->{parts} }, part($1, $base);
        } elsif (/^#EXTINF:([\d.]+)/) {
            $next->{seconds} = $1;
        } elsif (/^[^#]/) {
            add(\%list, $next, $map, ["$base/$_"], 1);
            $next = { parts => [] };
        }
    }

    if (@{ $next->{parts} }) {
        $next->{seconds} += $_->{seconds} for @{ $next->{parts} };
        add(\%list, $next, $map, [map { $_->{uri} } @{ $next->{parts} }], 0);
    }

    return \%list;
}


sub part
{
    my ($attributes, $base) = @_;
    my ($uri) = $attributes =~ /URI="([^"]+)"/;
    my ($seconds) = $attributes =~ /DURATION=([\d.]+)/;

    return { uri => "$base/$uri", seconds => $seconds };
}


sub add
{
    my ($list, $segment, $map, $uris, $whole) = @_;

    $list->{discontinuities}++ if $segment->{cut};
    $list->{seconds} += $segment->{seconds};
    push @{ $list->{segments} }, {
        uris => $uris, uri => $uris->[0], map => $map, whole => $whole,
        msn => $list->{msn} + @{ $list->{segments} },
        seconds => $segment->{seconds},
        discontinuity => $segment->{cut} ? 1 : 0,
    };
}


sub wait_seconds
{
    my ($self, $rendition, $seconds) = @_;

    return wait_for {
        my $list = $self->playlist($rendition);
        $list && $list->{seconds} >= $seconds;
    };
}


# --- media -------------------------------------------------------------

sub fetch
{
    my ($self, $uri) = @_;
    my $answer = $self->{server}->get($uri);

    die "$uri: $answer->{status}" if $answer->{status} != 200;

    return $answer->{body};
}


# Files of init segment and media, a new one where the init changes.
sub files
{
    my ($self, $rendition, $session) = @_;
    my $list = $self->playlist($rendition, $session) or die 'no playlist';
    my ($map, @files) = '';

    for my $segment (@{ $list->{segments} }) {
        if ($segment->{map} ne $map) {
            $map = $segment->{map};
            push @files, File::Temp->new(SUFFIX => '.mp4');
            print { $files[-1] } $self->fetch($map);
        }

        print { $files[-1] } $self->fetch($_) for @{ $segment->{uris} };
    }

    $_->flush for @files;

    return @files;
}


sub decode
{
    my ($self, $rendition, $session) = @_;

    return [ map { decode_file($_->filename) }
                 $self->files($rendition, $session) ];
}


sub decode_file
{
    my $name = shift;
    my $lines = `ffprobe -v error -count_frames -show_entries \\
        stream=nb_read_frames,codec_name,width,height,sample_rate,channels \\
        -of default=nw=1 $name 2>&1`;
    my %found = $lines =~ /^(\w+)=(\S+)$/mg;
    my $errors = join '', grep { !/^\w+=\S+$/ } $lines =~ /^.*\n/mg;

    return { %found, frames => $found{nb_read_frames} // 0,
             errors => $errors };
}


sub samples
{
    my ($self, $rendition, $session) = @_;
    my $samples = 0;

    for my $file ($self->files($rendition, $session)) {
        my $name = $file->filename;
        $samples += length(`ffmpeg -nostdin -v quiet -i $name -ac 1 \\
                            -f s16le -`) / 2;
    }

    return $samples;
}


1;
