package Onair::LLHLS::Playlist;

# Reads playlists into plain hashes, strictly: whatever the grammar of
# rfc8216bis section 4 does not allow is noted in {errors}.

use strict;
use warnings;

use Time::Local qw(timegm_nocheck);


my $DECIMAL = qr/\d+(?:\.\d+)?/;

# How each attribute's value is spelled.
my %ATTRIBUTES = (
    'EXT-X-SERVER-CONTROL' => {
        'CAN-BLOCK-RELOAD' => qr/YES/, 'PART-HOLD-BACK' => $DECIMAL,
        'HOLD-BACK' => $DECIMAL, 'CAN-SKIP-UNTIL' => $DECIMAL,
        'CAN-SKIP-DATERANGES' => qr/YES/ },
    'EXT-X-PART-INF' => { 'PART-TARGET' => $DECIMAL },
    'EXT-X-PART' => {
        'DURATION' => $DECIMAL, 'URI' => qr/"[^"]+"/,
        'INDEPENDENT' => qr/YES/, 'GAP' => qr/YES/,
        'BYTERANGE' => qr/"\d+(?:@\d+)?"/ },
    'EXT-X-MAP' => { 'URI' => qr/"[^"]+"/, 'BYTERANGE' => qr/"\d+(?:@\d+)?"/ },
    'EXT-X-PRELOAD-HINT' => {
        'TYPE' => qr/PART|MAP/, 'URI' => qr/"[^"]+"/,
        'BYTERANGE-START' => qr/\d+/, 'BYTERANGE-LENGTH' => qr/\d+/ },
    'EXT-X-RENDITION-REPORT' => {
        'URI' => qr/"[^"]+"/, 'LAST-MSN' => qr/\d+/, 'LAST-PART' => qr/\d+/ },
    'EXT-X-SKIP' => { 'SKIPPED-SEGMENTS' => qr/\d+/ },
    'EXT-X-MEDIA' => {
        'TYPE' => qr/AUDIO|VIDEO|SUBTITLES|CLOSED-CAPTIONS/,
        map({ $_ => qr/"[^"]+"/ } qw(GROUP-ID NAME URI LANGUAGE CHANNELS
                                     ASSOC-LANGUAGE CHARACTERISTICS
                                     STABLE-RENDITION-ID INSTREAM-ID)),
        map({ $_ => qr/YES|NO/ } qw(DEFAULT AUTOSELECT FORCED)) },
    'EXT-X-STREAM-INF' => {
        'BANDWIDTH' => qr/\d+/, 'AVERAGE-BANDWIDTH' => qr/\d+/,
        'RESOLUTION' => qr/\d+x\d+/, 'FRAME-RATE' => qr/\d+\.\d{1,3}|\d+/,
        'SCORE' => $DECIMAL, 'VIDEO-RANGE' => qr/SDR|HLG|PQ/,
        'HDCP-LEVEL' => qr/TYPE-0|TYPE-1|NONE/,
        map({ $_ => qr/"[^"]+"/ } qw(CODECS AUDIO VIDEO SUBTITLES
                                     SUPPLEMENTAL-CODECS
                                     STABLE-VARIANT-ID PATHWAY-ID)),
        'CLOSED-CAPTIONS' => qr/"[^"]+"|NONE/ },
);

my %REQUIRED = (
    'EXT-X-PART-INF' => ['PART-TARGET'],
    'EXT-X-PART' => ['DURATION', 'URI'],
    'EXT-X-MAP' => ['URI'],
    'EXT-X-PRELOAD-HINT' => ['TYPE', 'URI'],
    'EXT-X-RENDITION-REPORT' => ['URI', 'LAST-MSN', 'LAST-PART'],
    'EXT-X-SKIP' => ['SKIPPED-SEGMENTS'],
    'EXT-X-MEDIA' => ['TYPE', 'GROUP-ID', 'NAME'],
    'EXT-X-STREAM-INF' => ['BANDWIDTH'],
);

# Tags whose value is one number, and the field that it goes to.
my %NUMBERS = (
    'EXT-X-VERSION' => 'version',
    'EXT-X-TARGETDURATION' => 'target_duration',
    'EXT-X-MEDIA-SEQUENCE' => 'media_sequence',
    'EXT-X-DISCONTINUITY-SEQUENCE' => 'discontinuity_sequence',
);

my %ONCE = map { $_ => 1 } qw(EXT-X-VERSION EXT-X-TARGETDURATION
    EXT-X-MEDIA-SEQUENCE EXT-X-DISCONTINUITY-SEQUENCE EXT-X-SERVER-CONTROL
    EXT-X-PART-INF EXT-X-SKIP EXT-X-ENDLIST EXT-X-INDEPENDENT-SEGMENTS);


sub attributes {
    my ($tag, $text, $errors) = @_;

    my %have;
    my $known = $ATTRIBUTES{$tag};

    while ($text =~ s/^([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,(?=.)|$)//) {
        my ($name, $value) = ($1, $2);

        push @$errors, "$tag: $name twice" if exists $have{$name};
        push @$errors, "$tag: $name=$value is malformed"
            if $known->{$name} && $value !~ /^(?:$known->{$name})$/;
        push @$errors, "$tag: unknown attribute $name" if !$known->{$name};

        $have{$name} = $value =~ s/^"(.*)"$/$1/r;
    }

    push @$errors, "$tag: \"$text\" is no attribute list" if $text ne '';

    # in the place of what is missing, what serves as a string and a number
    for (grep { !exists $have{$_} } @{ $REQUIRED{$tag} // [] }) {
        push @$errors, "$tag: no $_";
        $have{$_} = '0';
    }

    return \%have;
}


# Seconds since 1970 of an EXT-X-PROGRAM-DATE-TIME, or undef.
sub date_time {
    my ($text) = @_;

    $text =~ /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d(?:\.\d+)?)
              (?:Z|([+-])(\d\d):?(\d\d))$/x or return undef;

    my $seconds = timegm_nocheck(0, $5, $4, $3, $2 - 1, $1) + $6;
    $seconds -= ($7 eq '-' ? -1 : 1) * ($8 * 3600 + $9 * 60) if $7;

    return $seconds;
}


sub parse {
    my ($text) = @_;

    my $p = { text => $text, errors => [], segments => [], reports => [],
              hints => [], skipped => 0, media_sequence => 0,
              discontinuity_sequence => 0, tags => {}, media => [],
              variants => [], order => [] };

    push @{ $p->{errors} }, 'does not begin with #EXTM3U'
        unless $text =~ /^#EXTM3U\r?\n/;
    push @{ $p->{errors} }, 'does not end with a line feed'
        unless $text =~ /\n\z/;
    push @{ $p->{errors} }, 'has a byte order mark or control characters'
        if $text =~ /\xef\xbb\xbf|[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]/;

    parse_line($p, $_) for split /\r?\n/, $text;
    finish($p);

    return $p;
}


sub parse_line {
    my ($p, $line) = @_;

    return if $line eq '';

    if ($line !~ /^#/) {
        return $p->{stream_inf} ? end_variant($p, $line)
                                : end_segment($p, $line);
    }

    return if $line !~ /^#EXT/;

    my ($tag, $value) = $line =~ /^#(EXT[A-Z0-9-]*)(?::(.*))?$/
        or return push @{ $p->{errors} }, "\"$line\" is no tag";

    push @{ $p->{errors} }, "#$tag twice"
        if $p->{tags}{$tag}++ && $ONCE{$tag};
    push @{ $p->{order} }, $tag;

    parse_tag($p, $tag, $value // '');
}


my %TAGS = (
    'EXTM3U' => sub { },
    'EXT-X-INDEPENDENT-SEGMENTS' => sub { $_[0]{independent_segments} = 1 },
    'EXT-X-ENDLIST' => sub { $_[0]{endlist} = 1 },
    'EXT-X-DISCONTINUITY' => sub { segment_tag($_[0], 'discontinuity', 1) },
    'EXT-X-GAP' => sub { segment_tag($_[0], 'gap', 1) },
    'EXT-X-PROGRAM-DATE-TIME' => \&parse_date,
    'EXTINF' => \&parse_extinf,
    'EXT-X-MAP' => sub { segment_tag($_[0], 'map', $_[1]{URI}) },
    'EXT-X-PART' => sub { push @{ open_segment($_[0])->{parts} }, $_[1] },
    'EXT-X-SERVER-CONTROL' => sub { $_[0]{server_control} = $_[1] },
    'EXT-X-PART-INF' => sub { $_[0]{part_target} = $_[1]{'PART-TARGET'} },
    'EXT-X-SKIP' => \&parse_skip,
    'EXT-X-PRELOAD-HINT' => sub { push @{ $_[0]{hints} }, $_[1] },
    'EXT-X-RENDITION-REPORT' => sub { push @{ $_[0]{reports} }, $_[1] },
    'EXT-X-MEDIA' => sub { push @{ $_[0]{media} }, $_[1] },
    'EXT-X-STREAM-INF' => sub { $_[0]{stream_inf} = $_[1] },
);


sub parse_tag {
    my ($p, $tag, $value) = @_;

    if (my $field = $NUMBERS{$tag}) {
        push @{ $p->{errors} }, "#$tag:$value is no number"
            unless $value =~ /^\d+$/;
        push @{ $p->{errors} }, "#$tag comes after a segment or a skip"
            if @{ $p->{segments} } || $p->{open} || $p->{skipped};
        $p->{$field} = $value =~ /^(\d+)/ ? $1 : 0;
        return;
    }

    my $handler = $TAGS{$tag}
        or return push @{ $p->{errors} }, "unknown tag #$tag";

    $value = attributes($tag, $value, $p->{errors}) if $ATTRIBUTES{$tag};
    $handler->($p, $value);
}


sub open_segment {
    my ($p) = @_;

    return $p->{open} //= { parts => [], late => [] };
}


# DISCONTINUITY, MAP and PROGRAM-DATE-TIME belong before the first part.
sub segment_tag {
    my ($p, $field, $value) = @_;

    my $segment = open_segment($p);

    push @{ $segment->{late} }, $field if @{ $segment->{parts} };
    push @{ $p->{errors} }, "two $field tags on one segment"
        if defined $segment->{$field};

    $segment->{$field} = $value;
}


sub parse_date {
    my ($p, $value) = @_;

    my $seconds = date_time($value);

    push @{ $p->{errors} }, "#EXT-X-PROGRAM-DATE-TIME:$value is no date"
        unless defined $seconds;
    segment_tag($p, 'date', $seconds // 0);
}


sub parse_extinf {
    my ($p, $value) = @_;

    my ($seconds) = $value =~ /^($DECIMAL),/;

    push @{ $p->{errors} }, "#EXTINF:$value is malformed"
        unless defined $seconds;
    open_segment($p)->{duration} = $seconds // 0;
}


sub parse_skip {
    my ($p, $value) = @_;

    push @{ $p->{errors} }, '#EXT-X-SKIP comes after a segment'
        if @{ $p->{segments} } || $p->{open};
    $p->{skipped} = $value->{'SKIPPED-SEGMENTS'} // 0;
    push @{ $p->{errors} }, '#EXT-X-SKIP of nothing' unless $p->{skipped};
}


sub end_segment {
    my ($p, $uri) = @_;

    my $segment = open_segment($p);

    push @{ $p->{errors} }, "$uri without #EXTINF"
        unless defined $segment->{duration};
    $segment->{duration} //= 0;

    $segment->{uri} = $uri;
    $segment->{complete} = 1;
    push @{ $p->{segments} }, $segment;
    $p->{open} = undef;
}


sub end_variant {
    my ($p, $uri) = @_;

    push @{ $p->{variants} }, { %{ delete $p->{stream_inf} }, uri => $uri };
}


# What applies to each segment from tags before it.
sub finish {
    my ($p) = @_;

    my $open = delete $p->{open};

    $p->{$_} //= 0 for qw(target_duration part_target);

    if ($open && @{ $open->{parts} }) {
        push @{ $p->{segments} }, $open;

    } elsif ($open) {
        push @{ $p->{errors} }, 'tags of a segment without its first part';
    }

    annotate($p, $p->{segments}, $p->{media_sequence} + $p->{skipped},
             $p->{skipped} ? undef : $p->{discontinuity_sequence}, undef);
}


sub annotate {
    my ($p, $segments, $msn, $number, $map) = @_;

    for my $segment (@$segments) {
        $segment->{msn} = $msn++;
        $map = $segment->{effective_map} = $segment->{map} // $map;

        $number += $segment->{discontinuity} // 0 if defined $number;
        $segment->{discontinuity_number} = $number;

        my $sum = 0;
        $sum += $_->{DURATION} // 0 for @{ $segment->{parts} };
        $segment->{length} = $segment->{duration} // $sum;
    }
}


# The full playlist that a delta update stands for; undef: it does not fit.
sub merge {
    my ($before, $delta) = @_;

    return $delta unless $delta->{skipped};

    my $gone = $delta->{media_sequence} - $before->{media_sequence};
    my @kept = @{ $before->{segments} };

    return undef if $gone < 0 || $gone + $delta->{skipped} > @kept;

    @kept = map { { %$_, parts => [], skipped => 1 } }
            @kept[ $gone .. $gone + $delta->{skipped} - 1 ];

    return undef if grep { !$_->{complete} } @kept;

    my @new = map { { %$_ } } @{ $delta->{segments} };
    my $last = $kept[-1];
    annotate($delta, \@new, $last->{msn} + 1, $last->{discontinuity_number},
             $last->{effective_map});

    return { %$delta, segments => [@kept, @new], merged => 1 };
}


# The position behind the last part: what a player asks for next.
sub next_position {
    my ($p) = @_;

    my $last = $p->{segments}[-1] or return ($p->{media_sequence}, 0);

    return $last->{complete} ? ($last->{msn} + 1, 0)
                             : ($last->{msn}, scalar @{ $last->{parts} });
}


# All parts listed, in order, with their segment and index.
sub parts {
    my ($p) = @_;

    my @parts;

    for my $segment (@{ $p->{segments} }) {
        my $i = 0;
        push @parts, map { { %$_, segment => $segment, msn => $segment->{msn},
                             index => $i++ } } @{ $segment->{parts} };
    }

    return @parts;
}


sub duration {
    my ($p) = @_;

    my $sum = 0;
    $sum += $_->{length} for @{ $p->{segments} };

    return $sum;
}


1;
